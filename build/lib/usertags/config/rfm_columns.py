"""What RFM says of a user: the columns of `tags.rfm`, which rules of `kind: rfm` read."""

from collections.abc import Mapping

RFM_COLUMNS: Mapping[str, str] = {
    "recency_days": "int",
    "frequency": "bigint",
    "monetary": "double",
    "r_score": "int",
    "f_score": "int",
    "m_score": "int",
    "segment": "string",
    "octant": "string",
    "portrait": "string",
}

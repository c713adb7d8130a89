"""Numbers and texts in their declared types: exactly, or not at all.

Each function returns null for a value that its type cannot hold exactly; nothing is rounded or cut. A double
or float counts as its shortest text, so that 19.99 is 19.99, whether a file, a table or a text has it.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from usertags.config.text_signs import FULL_WIDTH, HALF_WIDTH, WHITE_SPACE

# Digits of the ASCII alphabet only, and an exponent for which Spark can shift the point in a moment.
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
_NOT_ZERO = "^[^eE]*[1-9]"
# A double has the digits of every decimal number up to 15 of them, whatever zeros stand before.
_UP_TO_15_DIGITS = r"^[+-]?[0.]*(\d\.?){0,15}([eE]|$)"
_WIDTH = 38
# Precision and scale of the decimal numbers that contain all whole numbers of a type.
_WHOLE = {"int": (10, 0), "bigint": (20, 0)}
_WHOLE_KINDS = (T.ByteType, T.ShortType, T.IntegerType, T.LongType)
# Above these a float or double is a whole number that may stand for its neighbours.
_LAST_EXACT: dict[type[T.DataType], int] = {T.FloatType: 2**24, T.DoubleType: 2**53}

# An id that a program wrote as a double: 10001.0, or 1.3E7 as Java does, with all digits that it has.
_WITH_POINT = r"^(-?\d+)\.0+$"
_OF_JAVA = r"^-?\d\.\d+E\d{1,2}$"
# A spreadsheet (1.38E+10) may have dropped digits.
_OF_SPREADSHEET = r"^-?\d(\.\d+)?[eE]\+\d{1,3}$"
_DIGITS_AFTER_POINT, _EXPONENT = r"\.(\d+)[eE]", r"[eE]\+?(\d+)$"


def trimmed(text: Column) -> Column:
    """The text without white space around it: of any kind, also without width."""
    # Most texts begin and end with a visible ASCII character: seeing that is much cheaper than trimming.
    ends = [F.ascii(text), F.ascii(F.right(text, F.lit(1)))]
    bare = [end.between(F.lit(0x21), F.lit(0x7E)) for end in ends]
    return F.when(bare[0] & bare[1], text).otherwise(F.btrim(text, F.lit(WHITE_SPACE)))


def plain_width(text: Column) -> Column:
    """The text with plain letters, digits and punctuation in place of those in full width."""
    return F.translate(text, FULL_WIDTH, HALF_WIDTH)


def exact_number(value: Column, kind: T.DataType, type_: str) -> Column:
    """The value, which is of a Spark type, as int, bigint, decimal(p,s) or double; of a text, `trimmed`."""
    if isinstance(kind, _WHOLE_KINDS) and type_ != "double":
        return value.try_cast(type_)
    if isinstance(kind, (*_WHOLE_KINDS, T.DecimalType)):
        return _of_decimal(value, kind, type_)
    text = value.cast("string")
    return _double(text) if type_ == "double" else _of_text(text, type_)


def exact_text(value: Column, kind: T.DataType) -> Column:
    """The value as text; a whole number in a double is the text of the integer."""
    last = _LAST_EXACT.get(type(kind))
    if last is None:
        return value.try_cast("string")
    text = value.cast("string")
    # Java writes an exponent from ten million on.
    long = F.rtrim(text.try_cast("decimal(38,18)").cast("string"), F.lit("0"))
    part = F.when(text.contains("E") & ~text.contains("E-"), long).otherwise(text)
    whole = value.try_cast("bigint").cast("string")
    return F.when(F.abs(value) < F.lit(float(last)), F.when(value % 1 == 0, whole).otherwise(part))


def exact_id(plain: Column) -> Column:
    """The `trimmed` text of an id; the integer's text where a program wrote it as a double.

    Null if it is shortened: a spreadsheet shows 13800138000 as 1.38E+10.
    """
    number = plain.try_cast("double")
    exact = (number % 1 == 0) & (F.abs(number) < F.lit(float(2**53)))
    integer = F.when(exact, number.try_cast("bigint").cast("string"))
    digits = F.length(F.regexp_extract(plain, _DIGITS_AFTER_POINT, 1))
    complete = digits >= F.regexp_extract(plain, _EXPONENT, 1).try_cast("int")
    # Few ids have a sign of a double: the others are not compared with any pattern.
    return (
        F.when(~(plain.contains(".") | plain.contains("+")), plain)
        .when(plain.rlike(_WITH_POINT), F.when(exact, F.regexp_extract(plain, _WITH_POINT, 1)))
        .when(plain.rlike(_OF_JAVA), integer)
        .when(plain.rlike(_OF_SPREADSHEET), F.when(complete, integer))
        .otherwise(plain)
    )


def _of_decimal(value: Column, kind: T.DataType, type_: str) -> Column:
    made = value.try_cast(type_)
    if type_ == "double":
        back = made.cast("string")
        same = back.try_cast(kind if isinstance(kind, T.DecimalType) else T.DecimalType(20, 0)) == value
        return F.when(same, made)
    assert isinstance(kind, T.DecimalType)
    return made if kind.scale <= _decimal(type_)[1] else F.when(made.try_cast(kind) == value, made)


def _of_text(text: Column, type_: str) -> Column:
    precision, scale = _decimal(type_)
    # Digits after the scale are zeros, so that Spark has nothing to round.
    plain = rf"^[+-]?(?=\.?\d)\d*(\.\d{{0,{scale}}}0*)?$"
    made = text.try_cast(T.DecimalType(precision, scale))
    # A number with an exponent. Rounding shows in more digits after the point, or, far behind, as a double.
    wide = text.try_cast(T.DecimalType(_WIDTH, max(scale, _WIDTH - precision + scale)))
    unrounded = (made == wide) & (made.try_cast("double") == text.try_cast("double"))
    exact = F.when(text.rlike(plain), made).when(text.rlike(_NUMBER) & unrounded, made)
    return exact.try_cast(type_) if type_ in _WHOLE else exact


def _double(text: Column) -> Column:
    """NaN (greater than any threshold), infinity and what is too small to differ from 0 are null."""
    number = F.when(text.rlike(_NUMBER), text.try_cast("double"))
    back = number.cast("string")
    same = [back.try_cast(type_) == text.try_cast(type_) for type_ in ("decimal(38,18)", "decimal(38,0)")]
    exact = text.rlike(_UP_TO_15_DIGITS) | F.coalesce(*same, F.lit(True))
    kept = (F.abs(number) < F.lit(float("inf"))) & ((number != 0) | ~text.rlike(_NOT_ZERO)) & exact
    return F.when(kept, number)


def _decimal(type_: str) -> tuple[int, int]:
    if type_ in _WHOLE:
        return _WHOLE[type_]
    precision, scale = type_.removeprefix("decimal(").rstrip(")").split(",")
    return int(precision), int(scale)

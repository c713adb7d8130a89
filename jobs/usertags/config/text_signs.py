"""Signs and words of texts that mean less than they show: white space, words for null, full width."""

WHITE_SPACE = "".join(
    chr(code)
    for first, last in (
        (0x09, 0x0D),  # tab, line ends
        (0x1C, 0x20),
        (0x85, 0x85),
        (0xA0, 0xA0),  # no-break space
        (0xAD, 0xAD),  # soft hyphen
        (0x1680, 0x1680),
        (0x180E, 0x180E),
        (0x2000, 0x200F),  # spaces of print, zero width, marks of direction
        (0x2028, 0x202F),
        (0x205F, 0x2060),
        (0x2066, 0x2069),
        (0x3000, 0x3000),  # ideographic space
        (0xFEFF, 0xFEFF),  # byte order mark
    )
    for code in range(first, last + 1)
)

# As MySQL, Hive, pandas, R and PyArrow write them into files of texts, which have no null of their own.
NULL_WORDS = ("\\N", "NULL", "null", "None", "nan", "NaN", "NaT", "<NA>")
TEXT_FORMATS = ("csv", "json")

# Letters, digits and punctuation as wide as a Chinese character, and the plain ones that they stand for.
FULL_WIDTH = "".join(map(chr, range(0xFF01, 0xFF5F)))
HALF_WIDTH = "".join(map(chr, range(0x21, 0x7F)))

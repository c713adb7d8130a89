"""The expectations of Great Expectations that custom checks can use.

Listed here so that reading a configuration does not import the library; a test compares both. Not included
are expectations that need a second data source or do not run on Spark.
"""

from collections.abc import Mapping

_COLUMN = ("column", "column_A", "column_B")
_COLUMNS = ("column_list",)

EXPECTATIONS = frozenset(
    {
        "ExpectColumnDistinctValuesToBeInSet",
        "ExpectColumnDistinctValuesToContainSet",
        "ExpectColumnDistinctValuesToEqualSet",
        "ExpectColumnMaxToBeBetween",
        "ExpectColumnMeanToBeBetween",
        "ExpectColumnMedianToBeBetween",
        "ExpectColumnMinToBeBetween",
        "ExpectColumnMostCommonValueToBeInSet",
        "ExpectColumnPairValuesAToBeGreaterThanB",
        "ExpectColumnPairValuesToBeEqual",
        "ExpectColumnPairValuesToBeInSet",
        "ExpectColumnProportionOfNonNullValuesToBeBetween",
        "ExpectColumnProportionOfUniqueValuesToBeBetween",
        "ExpectColumnQuantileValuesToBeBetween",
        "ExpectColumnStdevToBeBetween",
        "ExpectColumnSumToBeBetween",
        "ExpectColumnToExist",
        "ExpectColumnTypeToBe",
        "ExpectColumnUniqueValueCountToBeBetween",
        "ExpectColumnValueLengthsToBeBetween",
        "ExpectColumnValueLengthsToEqual",
        "ExpectColumnValueZScoresToBeLessThan",
        "ExpectColumnValuesToBeBetween",
        "ExpectColumnValuesToBeDateutilParseable",
        "ExpectColumnValuesToBeDecreasing",
        "ExpectColumnValuesToBeInSet",
        "ExpectColumnValuesToBeInTypeList",
        "ExpectColumnValuesToBeIncreasing",
        "ExpectColumnValuesToBeJsonParseable",
        "ExpectColumnValuesToBeNull",
        "ExpectColumnValuesToBeOfType",
        "ExpectColumnValuesToBeUnique",
        "ExpectColumnValuesToMatchJsonSchema",
        "ExpectColumnValuesToMatchLikePattern",
        "ExpectColumnValuesToMatchLikePatternList",
        "ExpectColumnValuesToMatchRegex",
        "ExpectColumnValuesToMatchRegexList",
        "ExpectColumnValuesToMatchStrftimeFormat",
        "ExpectColumnValuesToNotBeInSet",
        "ExpectColumnValuesToNotBeNull",
        "ExpectColumnValuesToNotBeOutliers",
        "ExpectColumnValuesToNotMatchLikePattern",
        "ExpectColumnValuesToNotMatchLikePatternList",
        "ExpectColumnValuesToNotMatchRegex",
        "ExpectColumnValuesToNotMatchRegexList",
        "ExpectCompoundColumnsToBeUnique",
        "ExpectMulticolumnSumToEqual",
        "ExpectMulticolumnValuesToBeEqual",
        "ExpectSelectColumnValuesToBeUniqueWithinRecord",
        "ExpectTableColumnCountToBeBetween",
        "ExpectTableColumnCountToEqual",
        "ExpectTableColumnsToMatchOrderedList",
        "ExpectTableColumnsToMatchSet",
        "ExpectTableRowCountToBeBetween",
        "ExpectTableRowCountToEqual",
    }
)


def named_columns(arguments: Mapping[str, object]) -> list[tuple[str, object]]:
    """The columns that the arguments of an expectation name, each with the key of its argument."""
    single = [(key, arguments[key]) for key in _COLUMN if key in arguments]
    lists = [(key, arguments.get(key)) for key in _COLUMNS]
    return single + [
        (key, each) for key, columns in lists if isinstance(columns, list | tuple) for each in columns
    ]

"""Taking queries apart, by a parser of Prometheus's own grammar."""

import re

import promql_parser
from promql_parser import BinaryExpr, Call, NumberLiteral, ParenExpr

COMPARISONS = {"==", "!=", ">", "<", ">=", "<="}
SETS = {"and", "or", "unless"}


def compared(expr):
    """What an alert compares and combines: each side without its comparison, so that it has a value on a healthy
    system as well. Offsets are left out, since the Prometheus that is asked is a minute old."""
    return sides(promql_parser.parse(re.sub(r"\boffset \w+", "", expr)))


def sides(node):
    match node:
        case ParenExpr():
            return sides(node.expr)
        case Call() if node.func.name == "absent":
            return [node.args[0].prettify()]
        case BinaryExpr() if str(node.op) in SETS:
            return sides(node.lhs) + sides(node.rhs)
        case BinaryExpr() if str(node.op) in COMPARISONS:
            return sides(node.lhs) + ([] if is_number(node.rhs) else sides(node.rhs))
        case BinaryExpr() if is_number(node.lhs):
            return sides(node.rhs)
        case _:
            return [node.prettify()]


def is_number(node):
    match node:
        case NumberLiteral():
            return True
        case BinaryExpr():
            return is_number(node.lhs) and is_number(node.rhs)
        case ParenExpr():
            return is_number(node.expr)
        case _:
            return False

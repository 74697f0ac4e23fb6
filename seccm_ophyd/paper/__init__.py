"""Every figure of Takahashi et al., Nat. Commun. 5:5450 (2014), run and compared."""

from .run import FIGURES, reproduce
from .table import Row, format_table

__all__ = ["FIGURES", "Row", "format_table", "reproduce"]

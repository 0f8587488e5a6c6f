"""Numbers in sentences of rollouts, written as pages write theirs by `portal.ui.text`. Pure."""

THIN = "\u202f"  # narrow no-break space


def count(amount: float) -> str:
    """A whole number in groups of three: 3 708."""
    return f"{amount:,.0f}".replace(",", THIN)


def percent(share: float, digits: int = 1) -> str:
    """A share between 0 and 1: 7.9 %."""
    return f"{share * 100:,.{digits}f}".replace(",", THIN) + f"{THIN}%"

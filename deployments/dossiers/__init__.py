"""What a dossier is made of: its archive, its documents and its printable page. Pure; `selectors.dossiers` reads."""

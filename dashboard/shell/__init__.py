"""What every page stands in: fragments, fields, headline, navigation, style, presenter mode, glossary."""

"""One module a format: each turns a file into blocks (headings, paragraphs, lists, tables, definitions)."""

"""Tables of a report: for papers, for print, and what lies behind a row."""

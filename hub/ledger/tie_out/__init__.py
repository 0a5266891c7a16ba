"""The daily tie-out in the books: what each stage of a day says, the lines behind what differs, certificates of days."""

"""One module per page: from facts to what its template shows."""

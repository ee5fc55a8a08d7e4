"""The operator's console: a page of plain HTML, CSS and ES modules, without a build step."""

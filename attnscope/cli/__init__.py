"""The command line: thin verbs over the public calls. Parse, call one, render, exit."""

"""One folder per provider behind one interface; plain code over HTTP that knows no database."""

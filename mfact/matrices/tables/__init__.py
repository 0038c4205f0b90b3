"""Tables of numbers in text: what the first lines say, and the rest by a parser in C++."""

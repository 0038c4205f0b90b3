"""One result, several views: tables for people, documents for programs."""

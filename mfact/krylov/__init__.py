"""M seen through products: bases, the spectrum in them, leading singular values."""

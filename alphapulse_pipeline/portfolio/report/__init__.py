"""One page that tells what there is: its facts, and how they are laid out."""

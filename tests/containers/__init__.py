"""The image and the composed service, with a real container engine; and what is written about them."""

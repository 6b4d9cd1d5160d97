"""Telegram: what is said there becomes the house's values, and what the house says becomes messages there.

`translating` and `markup` are pure; `hearing` receives, `sending` delivers.
"""

"""The admin: pages for people, over the services and selectors that REST uses too. No rules of its own."""

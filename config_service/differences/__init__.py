"""What is different between two values, and how three become one. Pure: text and JSON values in, descriptions out.

`sequences` merges lists of anything, `merge` JSON values and texts; `lines` sets two texts side by side, `documents`
makes two JSON values comparable by line.
"""

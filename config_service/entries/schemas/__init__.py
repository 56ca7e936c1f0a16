"""What the values of a namespace may be: JSON Schema rules by key.

* `keywords` checks a value, with a bound on what that may cost; `rules` reads rules and finds those of a key;
* `deciding` applies a change of the rules; `services` and `selectors` are what admin, REST and commands call.
"""

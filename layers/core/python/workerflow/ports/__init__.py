"""What the core needs from the world, in the domain's words.

Every write by compare-and-swap follows one rule about lost answers: the adapter's client retries by itself, so a
condition may fail on our *own* write. An implementation compares the nonce of what it finds with the nonce of what it
was asked to write, and answers "written" if they are the same. Any method may raise StoreUnavailableError: whether a
write was applied is then unknown.
"""

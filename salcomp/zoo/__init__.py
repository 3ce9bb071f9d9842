"""A trained model as a folder.

The folders beside this file are the models that salcomp ships.
"""

"""The int8 twins of CopyLens's models: a module for each says where its package lies.

CopyLens finds them by this distribution's entry points in the group ``copylens.models``.
"""

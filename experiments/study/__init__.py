"""The study: does a codec that is told where people look compress better?"""

"""What UEs report over M5, and what providers and event consumers make of it.

Rules (pure): `acceptance` says which report is taken and what is read from it, `paging` what a
query asks for, `series` and `forecast` what many values say, `analytics` what they foretell,
`exposure` what a data access profile leaves of them, `formats` how they are written out. Shells:
`intake` keeps reports and tells who listens, `retention` drops old ones.
"""

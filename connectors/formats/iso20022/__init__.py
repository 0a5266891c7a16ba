"""The bank file profile ``iso20022``: pain.008 out, pain.002 and camt.054 in. Which element carries what stands in each module."""

"""The desk (结算台): one page that shows what the hub is doing, live. It decides nothing and changes nothing."""

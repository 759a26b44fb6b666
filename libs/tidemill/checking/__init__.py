"""Proves or refutes, from facts that others have read, that nothing was lost, doubled, or done out of order.

Pure: facts come in as values, in the order that `facts` names; what is found goes out as a report.
"""

"""CAs and name servers that mean harm, against the whole product and against our clients."""

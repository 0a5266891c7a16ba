"""Events on the wire: Avro bytes, CloudEvents headers, ids that derive from what an event is about."""

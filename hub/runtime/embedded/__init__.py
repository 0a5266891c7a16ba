"""PostgreSQL and Kafka that belong to one hub: started and stopped with it, their data in its home."""

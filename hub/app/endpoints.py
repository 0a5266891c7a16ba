"""Where the hub's database and Kafka are: as configured, or where the embedded ones of this home listen."""

from hub.app.settings import Settings
from hub.runtime.embedded.kafka import kafka_address
from hub.runtime.embedded.postgres import postgres_url


def database_url(settings: Settings) -> str:
    """Plain ``postgresql://`` URL of the owner. NotRunningError when the embedded server never ran."""
    return postgres_url(settings.home) if settings.database.embedded else settings.database.url


def bootstrap_servers(settings: Settings) -> str:
    """``host:port,host:port``. NotRunningError when the embedded broker never ran."""
    return kafka_address(settings.home) if settings.kafka.embedded else settings.kafka.bootstrap_servers

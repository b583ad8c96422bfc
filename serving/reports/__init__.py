"""Reports for readers outside the service: the board's monthly pack, the public record."""

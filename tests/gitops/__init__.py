"""What those that install resources and wait for them are told: Helm, Flux and kstatus themselves, before a real API
server and the running operator."""

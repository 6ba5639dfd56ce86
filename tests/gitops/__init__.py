"""What tools that install resources and wait for them report: Helm, Flux and kstatus, with a running operator."""

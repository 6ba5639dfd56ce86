// An OpenTelemetry Collector of the parts that a token needs: `collector CONFIG`. Its receiver `pulse` has one data point
// to export, again and again.
package main

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/bearertokenauthextension"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
)

func main() {
	settings := otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "collector"},
		Factories: factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{
			ResolverSettings: confmap.ResolverSettings{
				URIs:              []string{"file:" + os.Args[1]},
				ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory()},
			},
		},
	}
	collector, err := otelcol.NewCollector(settings)
	if err != nil {
		log.Fatal(err)
	}
	if err := collector.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func factories() (otelcol.Factories, error) {
	sender, bearer := otlphttpexporter.NewFactory(), bearertokenauthextension.NewFactory()
	source := receiver.NewFactory(
		component.MustNewType("pulse"),
		func() component.Config { return &struct{}{} },
		receiver.WithMetrics(newPulse, component.StabilityLevelDevelopment),
	)
	return otelcol.Factories{
		Receivers:  map[component.Type]receiver.Factory{source.Type(): source},
		Exporters:  map[component.Type]exporter.Factory{sender.Type(): sender},
		Extensions: map[component.Type]extension.Factory{bearer.Type(): bearer},
		Telemetry:  otelconftelemetry.NewFactory(),
	}, nil
}

type pulse struct {
	next consumer.Metrics
	done chan struct{}
}

func newPulse(
	_ context.Context, _ receiver.Settings, _ component.Config, next consumer.Metrics,
) (receiver.Metrics, error) {
	return &pulse{next, make(chan struct{})}, nil
}

func (p *pulse) Start(context.Context, component.Host) error {
	interval, err := time.ParseDuration(os.Getenv("INTERVAL") + "s")
	if err != nil {
		return err
	}
	go p.beat(interval)
	return nil
}

func (p *pulse) Shutdown(context.Context) error {
	close(p.done)
	return nil
}

func (p *pulse) beat(interval time.Duration) {
	for {
		select {
		case <-p.done:
			return
		case <-time.After(interval):
		}
		data := pmetric.NewMetrics()
		metric := data.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		metric.SetName("pulse")
		metric.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
		if err := p.next.ConsumeMetrics(context.Background(), data); err != nil {
			log.Print("the call failed: ", err)
		}
	}
}

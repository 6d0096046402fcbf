package message

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"latchkey/internal/clock"
)

// metrics count outcomes. No label holds anything a stranger chose.
type metrics struct {
	messages *prometheus.CounterVec
	seconds  prometheus.Histogram
}

func newMetrics(r prometheus.Registerer, s Store, c clock.Clock) (*metrics, error) {
	m := &metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "latchkey_messages_total",
			Help: "Attempts to deliver a message, by outcome: sent, retry, failed, unknown.",
		}, []string{"channel", "type", "provider", "outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "latchkey_message_send_seconds",
			Help:    "Time the provider took for one attempt.",
			Buckets: []float64{.005, .02, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
	}
	if r == nil {
		return m, nil
	}
	for _, collector := range []prometheus.Collector{m.messages, m.seconds, backlogCollector{s, c}} {
		if err := r.Register(collector); err != nil {
			return nil, fmt.Errorf("register message metrics: %w", err)
		}
	}
	return m, nil
}

var (
	depthMetric  = prometheus.NewDesc("latchkey_outbox_depth", "Messages that wait or are being sent.", nil, nil)
	oldestMetric = prometheus.NewDesc("latchkey_outbox_oldest_seconds", "Age of the oldest of them.", nil, nil)
)

// backlogCollector asks the database when the metrics are read, and says nothing when it does not answer in time.
type backlogCollector struct {
	store Store
	clock clock.Clock
}

// Describe implements prometheus.Collector.
func (b backlogCollector) Describe(out chan<- *prometheus.Desc) {
	out <- depthMetric
	out <- oldestMetric
}

// Collect implements prometheus.Collector.
func (b backlogCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	backlog, err := b.store.MessageBacklog(ctx)
	if err != nil {
		return
	}
	age := 0.0
	if !backlog.Oldest.IsZero() {
		age = max(0, b.clock.Now().Sub(backlog.Oldest).Seconds())
	}
	out <- prometheus.MustNewConstMetric(depthMetric, prometheus.GaugeValue, float64(backlog.Pending))
	out <- prometheus.MustNewConstMetric(oldestMetric, prometheus.GaugeValue, age)
}

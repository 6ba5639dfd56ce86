{{- define "integration-token-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "integration-token-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* Selectors can't be changed after the install: nothing in here may change with a version. */}}
{{- define "integration-token-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "integration-token-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "integration-token-operator.labels" -}}
{{ include "integration-token-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "integration-token-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "integration-token-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* A digest names the image for good: no tag is written beside it that could tell another story. */}}
{{- define "integration-token-operator.image" -}}
{{- with .Values.image }}
{{- if .digest }}
{{- printf "%s@%s" .repository .digest }}
{{- else }}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Where several replicas are to run: those of one version, since those of an older one are on their way out. */}}
{{- define "integration-token-operator.spread" -}}
{{- $constraints := .Values.topologySpreadConstraints }}
{{- if and (not $constraints) (gt (int .Values.replicas) 1) }}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
{{- $constraints = append $constraints (dict "maxSkew" 1 "topologyKey" . "whenUnsatisfiable" "ScheduleAnyway" "matchLabelKeys" (list "pod-template-hash")) }}
{{- end }}
{{- end }}
{{- $own := dict "matchLabels" (include "integration-token-operator.selectorLabels" . | fromYaml) }}
{{- range $constraint := $constraints }}
{{- if not $constraint.labelSelector }}
{{- $constraint = merge (dict "labelSelector" $own) $constraint }}
{{- end }}
{{ list $constraint | toYaml }}
{{- end }}
{{- end }}

{{/* Label matchers of all that this installation tells. ServiceMonitor and PodMonitor each make a job of their own. */}}
{{- define "integration-token-operator.seriesOfTokens" -}}
{{- $name := include "integration-token-operator.fullname" . }}
{{- default (printf `job=~"%s|%s/%s"` $name .Release.Namespace $name) .Values.metrics.prometheusRule.selector }}
{{- end }}

{{/* And of what it tells of itself: these series bear the namespace that it runs in, and not that of a resource. */}}
{{- define "integration-token-operator.seriesOfProcess" -}}
{{- $namespace := printf `, namespace="%s"` .Release.Namespace }}
{{- include "integration-token-operator.seriesOfTokens" . }}
{{- if not .Values.metrics.prometheusRule.selector }}
{{- $namespace }}
{{- end }}
{{- end }}

{{/* What follows an alert's expression, up to its runbook: of a list of the chart's root, the alert's values, its name, and
     the namespace where its expression tells none. */}}
{{- define "integration-token-operator.alert" -}}
{{- $rule := (index . 0).Values.metrics.prometheusRule }}
{{- $alert := index . 1 }}
{{- with $alert.for -}}
for: {{ . }}
{{ end -}}
labels:
  severity: {{ $alert.severity }}
  {{- if gt (len .) 3 }}
  namespace: {{ index . 3 }}
  {{- end }}
  {{- with $rule.alertLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  runbook_url: {{ printf "%s#%s" $rule.runbookURL (lower (index . 2)) | quote }}
{{- end }}

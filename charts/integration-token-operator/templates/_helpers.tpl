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

{{/* Selectors are immutable: nothing in here may change with a version. */}}
{{- define "integration-token-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "integration-token-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The labels of every object. The chart's own take precedence, then commonLabels, then a parent chart's. */}}
{{- define "integration-token-operator.labels" -}}
{{- include "integration-token-operator.labelsWith" (list . dict) }}
{{- end }}

{{/* The same with additional labels. Argument: a list of the chart's root and these labels. */}}
{{- define "integration-token-operator.labelsWith" -}}
{{- $root := index . 0 }}
{{- $labels := include "integration-token-operator.selectorLabels" $root | fromYaml }}
{{- $_ := set $labels "app.kubernetes.io/version" $root.Chart.AppVersion }}
{{- $_ := set $labels "app.kubernetes.io/managed-by" $root.Release.Service }}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- merge $labels (index . 1) $root.Values.commonLabels $root.Values.global.commonLabels | toYaml }}
{{- end }}

{{- define "integration-token-operator.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "integration-token-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "integration-token-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* A digest identifies the image, so no tag is added that could contradict it. As in Docker, a repository's first part is
     a registry if it contains a dot or a port. */}}
{{- define "integration-token-operator.image" -}}
{{- $repository := .Values.image.repository }}
{{- with .Values.global.imageRegistry }}
{{- $repository = printf "%s/%s" (trimSuffix "/" .) (regexReplaceAll "^([^/]*[.:][^/]*|localhost)/" $repository "") }}
{{- end }}
{{- with .Values.image }}
{{- if .digest }}
{{- printf "%s@%s" $repository .digest }}
{{- else }}
{{- printf "%s:%s" $repository (default $.Chart.AppVersion .tag) }}
{{- end }}
{{- end }}
{{- end }}

{{/* A parent chart's pull secrets, which may be just names, and the chart's own, without duplicates. */}}
{{- define "integration-token-operator.imagePullSecrets" -}}
{{- $names := list }}
{{- range concat .Values.global.imagePullSecrets .Values.imagePullSecrets }}
{{- $names = append $names (kindIs "string" . | ternary . (get (kindIs "map" . | ternary . dict) "name")) }}
{{- end }}
{{- range uniq $names }}
- name: {{ . }}
{{- end }}
{{- end }}

{{/* A security context. Argument: a list of the chart's root and the context. OpenShift assigns user IDs per namespace. */}}
{{- define "integration-token-operator.securityContext" -}}
{{- $root := index . 0 }}
{{- $context := index . 1 }}
{{- $adapt := $root.Values.global.compatibility.openshift.adaptSecurityContext }}
{{- if or (eq $adapt "force") (and (eq $adapt "auto") ($root.Capabilities.APIVersions.Has "security.openshift.io/v1")) }}
{{- $context = omit $context "runAsUser" "runAsGroup" "fsGroup" }}
{{- end }}
{{- with $context }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* Shared by the operator's pod and that of `helm test`: where it runs, and its network. */}}
{{- define "integration-token-operator.podSpec" -}}
# A Service named integration-token-… would otherwise set variables that look like the operator's settings.
enableServiceLinks: false
{{- if .Values.hostNetwork }}
hostNetwork: true
{{- end }}
{{- if kindIs "bool" .Values.hostUsers }}
hostUsers: {{ .Values.hostUsers }}
{{- end }}
{{- with default (ternary "ClusterFirstWithHostNet" "" .Values.hostNetwork) .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "integration-token-operator.imagePullSecrets" . }}
imagePullSecrets:
  {{- trim . | nindent 2 }}
{{- end }}
{{- with .Values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "integration-token-operator.securityContext" (list . .Values.podSecurityContext) }}
securityContext:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Spreads several replicas, counting only those of the same version: older ones are about to stop. */}}
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

{{/* Label matchers for all series of this installation. ServiceMonitor and PodMonitor create different jobs. */}}
{{- define "integration-token-operator.seriesOfTokens" -}}
{{- $name := include "integration-token-operator.fullname" . }}
{{- $namespace := default (include "integration-token-operator.namespace" .) .Values.metrics.podMonitor.namespace }}
{{- default (printf `job=~"%s|%s/%s"` $name $namespace $name) .Values.metrics.prometheusRule.selector }}
{{- end }}

{{/* The same for series about the operator itself: their namespace label is the operator's, not a resource's. */}}
{{- define "integration-token-operator.seriesOfProcess" -}}
{{- $namespace := printf `, namespace="%s"` (include "integration-token-operator.namespace" .) }}
{{- include "integration-token-operator.seriesOfTokens" . }}
{{- if not .Values.metrics.prometheusRule.selector }}
{{- $namespace }}
{{- end }}
{{- end }}

{{/* What follows an alert's expression, up to its runbook. Argument: a list of the chart's root, the alert's values, its
     name, and the namespace if the expression has no such label. */}}
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

{{/* The names in `serviceAccounts`, by namespace. */}}
{{- define "integration-token-operator.accounts" -}}
{{- $accounts := dict }}
{{- range .Values.serviceAccounts }}
{{- if and $.Values.namespaces (not (has .namespace $.Values.namespaces)) }}
{{- fail (printf "serviceAccounts lists %s in namespace %s, which this installation does not serve: add it to namespaces" .name .namespace) }}
{{- end }}
{{- $_ := set $accounts .namespace (append (get $accounts .namespace | default list) .name) }}
{{- end }}
{{- toYaml $accounts }}
{{- end }}

{{- define "ironwright.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "ironwright.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "ironwright.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "ironwright.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* Cluster-scoped names carry the namespace: releases of one name may exist in several. */}}
{{- define "ironwright.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "ironwright.fullname" .) }}
{{- end }}

{{- define "ironwright.selectorLabels" -}}
app.kubernetes.io/name: {{ include "ironwright.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ironwright.labels" -}}
{{ include "ironwright.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "ironwright.serviceAccountName" -}}
{{- $fallback := ternary (include "ironwright.fullname" .) "default" .Values.serviceAccount.create }}
{{- default $fallback .Values.serviceAccount.name }}
{{- end }}

{{- define "ironwright.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

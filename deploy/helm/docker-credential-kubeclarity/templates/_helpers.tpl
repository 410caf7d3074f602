{{/* A CronJob's name has at most 52 characters, and a number is added to this one. */}}
{{- define "kubeclarity.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 44 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 44 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 44 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "kubeclarity.labels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "kubeclarity.account" -}}
{{- if .Values.serviceAccount.name -}}
{{- .Values.serviceAccount.name -}}
{{- else if .Values.serviceAccount.create -}}
{{- include "kubeclarity.fullname" . -}}
{{- else -}}
{{- fail "serviceAccount.create is false: set serviceAccount.name to the account that exists" -}}
{{- end -}}
{{- end -}}

{{- define "kubeclarity.credentialsNamespace" -}}
{{- default .Release.Namespace .Values.credentials.namespace -}}
{{- end -}}

{{- define "kubeclarity.image" -}}
{{- $repository := required "set image.repository to where the image of docker-credential-kubeclarity is (deploy/image/build makes it)" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Of serviceAccount.imagePullSecrets, names and {name: ...}: the names, each once, as JSON. */}}
{{- define "kubeclarity.imagePullSecrets" -}}
{{- $names := list -}}
{{- range .Values.serviceAccount.imagePullSecrets }}{{ if kindIs "map" . }}{{ $names = append $names .name }}{{ else }}{{ $names = append $names . }}{{ end }}{{ end -}}
{{- $names | uniq | toJson -}}
{{- end -}}

{{/* All Secrets that may be read, as JSON: {"namespace": {"name": true}}. */}}
{{- define "kubeclarity.readable" -}}
{{- $all := dict .Release.Namespace dict -}}
{{- $names := list -}}
{{- range include "kubeclarity.imagePullSecrets" . | fromJsonArray }}{{ $names = append $names (printf "%s/%s" $.Release.Namespace .) }}{{ end -}}
{{- range .Values.pullSecrets }}{{ $names = append $names (ternary . (printf "%s/%s" $.Release.Namespace .) (contains "/" .)) }}{{ end -}}
{{- $fixed := dict "basic-regcred" .Values.credentials.basicRegcred "ecr-sa" .Values.credentials.ecr "gcr-sa" .Values.credentials.gcr "acr-sa" .Values.credentials.acr -}}
{{- range $name, $enabled := $fixed }}{{ if $enabled }}{{ $names = append $names (printf "%s/%s" (include "kubeclarity.credentialsNamespace" $) $name) }}{{ end }}{{ end -}}
{{- range $names -}}
{{- $namespace := splitList "/" . | first -}}
{{- $all = set $all $namespace (set (get $all $namespace | default dict) (splitList "/" . | last) true) -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}

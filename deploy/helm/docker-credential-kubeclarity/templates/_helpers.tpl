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

{{/* Fails for a variable that holds a secret, or a value that looks like one; the value is not shown. Arguments: where it is set, its name, its value. */}}
{{- define "kubeclarity.noSecret" -}}
{{- $place := index . 0 }}{{ $name := index . 1 }}{{ $value := index . 2 -}}
{{- $why := "everyone who can read ConfigMaps or CronJobs could read it; put it into a Secret and name that in settingsSecret" -}}
{{- /* The file, address, id or lifetime of a secret is not secret. */ -}}
{{- $about := regexMatch "_(FILE|PATH|DIR|DIRECTORY|CONFIG|URI|URL|ENDPOINT|HOST|NAMESPACE|ID|NAME|TYPE|SCOPE|AUDIENCE|TTL)$|^GOOGLE_APPLICATION_CREDENTIALS$" $name -}}
{{- $holds := regexMatch "PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|PRIVATE_?KEY|CONNECTION_STRING|(^|_)(KEY|APIKEY|PASS|PWD|PAT|JWT|SAS|AUTH|COOKIE)(_JSON)?$|^IDENTITY_HEADER$" $name -}}
{{- if and $value (or (regexMatch "(^|_)AUTH_CONFIG$" $name) (and $holds (not $about))) }}{{ fail (printf "%s holds a secret, and %s" $place $why) }}{{ end -}}
{{- $like := "" -}}
{{- if regexMatch "-----BEGIN [A-Z0-9 ]*PRIVATE KEY" $value }}{{ $like = "a private key" }}{{ end -}}
{{- if regexMatch "eyJ[0-9A-Za-z_-]{8,}" $value }}{{ $like = "a token, or JSON in base64" }}{{ end -}}
{{- if regexMatch `(?i)"(auths?|private_key|client_secret|password|secret|identitytoken|refresh_token|access_token)"\s*:` $value }}{{ $like = "JSON with a credential" }}{{ end -}}
{{- if regexMatch `(^|[^0-9A-Za-z_])(gh[opsur]_|github_pat_|glpat-|gldt-|dckr_[op]at_|ya29\.|xox[abeoprs]-|hvs\.|npm_|dop_v1_|pul-|sk-)[0-9A-Za-z_.-]{8,}` $value }}{{ $like = "an access token" }}{{ end -}}
{{- if or (regexMatch `://[^\s/@]*:[^\s/@]+@` $value) (and (hasSuffix "PROXY" $name) (regexMatch `^[^\s/@]*:[^\s/@]+@` $value)) }}{{ $like = "an address with a password" }}{{ end -}}
{{- if $like }}{{ fail (printf "%s looks like %s, and %s" $place $like $why) }}{{ end -}}
{{- end -}}

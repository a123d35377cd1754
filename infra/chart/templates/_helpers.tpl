{{- define "slipway.name" -}}
{{- if contains "slipway" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-slipway" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end -}}
{{- end -}}

{{- define "slipway.keys" -}}{{ .Values.keys.existingSecret | default (printf "%s-keys" (include "slipway.name" .)) }}{{- end -}}

{{/* What selects the pods of a part. Call with the root and the part's name. */}}
{{- define "slipway.selector" -}}
app.kubernetes.io/name: slipway-{{ .part }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end -}}

{{- define "slipway.labels" -}}
{{ include "slipway.selector" . }}
app.kubernetes.io/part-of: slipway
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end -}}

{{/* Which files of the keys each service sees, by the setting that names them. */}}
{{- define "slipway.files" -}}
deployer: { ENCRYPTION_KEYS: encryption.keys, WEBHOOK_KEYS: webhook.keys, SIGN_IN_KEYS: sign-in.keys, INTERNAL_CERT: internal.crt, INTERNAL_KEY: internal.key }
builder: { DEPLOYER_CA: internal-ca.crt }
api: { ACCOUNT_KEYS: accounts.keys, ADMIN_TOKEN: admin-token, DEPLOYER_CA: internal-ca.crt }
receiver: { WEBHOOK_KEYS: webhook.keys }
gateway: {}
{{- end -}}

{{/* What of the forges' Secret each service reads, as docs/settings.md says. */}}
{{- define "slipway.forges" -}}
deployer: [GITHUB_APP_ID, GITHUB_PRIVATE_KEY, GITLAB_TOKEN, GITLAB_READ_TOKEN, GITLAB_READ_USERNAME]
builder: []
api: [GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET, GITLAB_APPLICATION_ID, GITLAB_APPLICATION_SECRET, OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET]
receiver: [GITHUB_WEBHOOK_SECRET, GITHUB_WEBHOOK_SECRET_PREVIOUS, GITLAB_WEBHOOK_SIGNING_TOKEN, GITLAB_WEBHOOK_TOKEN]
gateway: []
{{- end -}}

{{/* The Deployment of one service. Call with root, part, port, env (a map), and for the builder volumes, what runs beside it, and its further groups. */}}
{{- define "slipway.deployment" -}}
{{- $root := .root -}}
{{- $part := .part -}}
{{- $own := index $root.Values $part -}}
{{- $asksRegistry := has $part (list "deployer" "builder") -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "slipway.name" $root }}-{{ $part }}
  labels: {{- include "slipway.labels" . | nindent 4 }}
spec:
  {{- if not (or (dig "autoscaling" "enabled" false $own) (dig "keda" "enabled" false $own)) }}
  replicas: {{ $own.replicas }}
  {{- end }}
  selector:
    matchLabels: {{- include "slipway.selector" . | nindent 6 }}
  strategy:
    rollingUpdate: { maxSurge: 1, maxUnavailable: 0 }
  template:
    metadata:
      labels: {{- include "slipway.labels" . | nindent 8 }}
      annotations:
        prometheus.io/port: {{ .port | quote }}
        prometheus.io/scrape: {{ has $part (list "gateway" "deployer" "builder") | quote }}
    spec:
      {{- $hasRights := or (eq $part "deployer") (and (eq $part "gateway") $root.Values.gateway.inner.enabled) }}
      serviceAccountName: {{ include "slipway.name" $root }}-{{ ternary $part "services" $hasRights }}
      automountServiceAccountToken: {{ $hasRights }}
      enableServiceLinks: false
      terminationGracePeriodSeconds: 60
      {{- with $root.Values.image.pullSecrets }}
      imagePullSecrets:
        {{- range . }}
        - name: {{ . }}
        {{- end }}
      {{- end }}
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        runAsGroup: 10001
        fsGroup: 10001
        {{- with .groups }}
        supplementalGroups: {{ toJson . }}
        {{- end }}
        seccompProfile: { type: RuntimeDefault }
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- include "slipway.selector" . | nindent 14 }}
      {{- with .beside }}
      initContainers: {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ $part }}
          image: {{ $root.Values.image.repository }}:{{ $root.Values.image.tag | default $root.Chart.AppVersion }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: [services/{{ $part }}/src/main.ts]
          env:
            {{- $settings := merge (dict) .env (dict "REDIS_URL_FILE" "/run/slipway/addresses/redis" "DATABASE_URL_FILE" "/run/slipway/addresses/postgresql") }}
            {{- range $name, $file := index (include "slipway.files" $root | fromYaml) $part }}
            {{- $_ := set $settings (printf "%s_FILE" $name) (printf "/run/slipway/keys/%s" $file) }}
            {{- end }}
            {{- range $name, $value := merge (dict) $settings $root.Values.settings }}
            - name: {{ $name }}
              value: {{ $value | toString | quote }}
            {{- end }}
            {{- with $root.Values.forges.existingSecret }}
            {{- $secret := . }}
            {{- range index (include "slipway.forges" $root | fromYaml) $part }}
            - name: {{ . }}
              valueFrom:
                secretKeyRef: { name: {{ $secret }}, key: {{ . }}, optional: true }
            {{- end }}
            {{- end }}
            {{- if and $root.Values.registry.caSecret $asksRegistry }}
            - name: NODE_EXTRA_CA_CERTS
              value: /run/slipway/registry/ca.crt
            {{- end }}
            {{- if and $root.Values.registry.existingSecret $asksRegistry }}
            - name: REGISTRY_USERNAME
              valueFrom:
                secretKeyRef: { name: {{ $root.Values.registry.existingSecret }}, key: username }
            - name: REGISTRY_PASSWORD
              valueFrom:
                secretKeyRef: { name: {{ $root.Values.registry.existingSecret }}, key: password }
            {{- end }}
          ports:
            - name: http
              containerPort: {{ .port }}
            {{- if eq $part "deployer" }}
            - name: internal
              containerPort: 8083
            {{- end }}
            {{- if and (eq $part "gateway") $root.Values.gateway.inner.enabled }}
            - name: inner
              containerPort: 8085
            {{- end }}
          startupProbe:
            httpGet: { path: /healthz, port: http }
            periodSeconds: 2
            failureThreshold: 60
          livenessProbe:
            httpGet: { path: /healthz, port: http }
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: { path: /readyz, port: http }
            periodSeconds: 5
            timeoutSeconds: 5
          {{- if has $part (list "receiver" "api" "gateway") }}
          lifecycle:
            preStop:
              # Until nobody sends it calls any more.
              exec: { command: [sleep, '5'] }
          {{- end }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: { drop: [ALL] }
          resources: {{- toYaml $own.resources | nindent 12 }}
          volumeMounts:
            - { name: home, mountPath: /var/lib/slipway }
            - { name: tmp, mountPath: /tmp }
            - { name: addresses, mountPath: /run/slipway/addresses, readOnly: true }
            {{- if index (include "slipway.files" $root | fromYaml) $part }}
            - { name: keys, mountPath: /run/slipway/keys, readOnly: true }
            {{- end }}
            {{- if and $root.Values.registry.caSecret $asksRegistry }}
            - { name: registry-ca, mountPath: /run/slipway/registry, readOnly: true }
            {{- end }}
            {{- if and $root.Values.uploads.existingClaim (has $part (list "api" "builder")) }}
            - { name: uploads, mountPath: /var/lib/slipway/uploads }
            {{- end }}
            {{- with .mounts }}{{ toYaml . | nindent 12 }}{{ end }}
      volumes:
        - name: home
          emptyDir: {{ eq $part "builder" | ternary (dict "sizeLimit" (dig "cacheSize" "1Gi" $own)) (dict) | toJson }}
        - name: tmp
          emptyDir: {}
        - name: addresses
          projected:
            defaultMode: 0440
            sources:
              - secret:
                  name: {{ $root.Values.redis.existingSecret | default (include "slipway.keys" $root) }}
                  items:
                    - { key: {{ ternary "url" "redis-url" (ne $root.Values.redis.existingSecret "") }}, path: redis }
              - secret:
                  name: {{ $root.Values.postgresql.existingSecret | default (include "slipway.keys" $root) }}
                  items:
                    - { key: {{ ternary "url" "postgresql-url" (ne $root.Values.postgresql.existingSecret "") }}, path: postgresql }
        {{- with index (include "slipway.files" $root | fromYaml) $part }}
        - name: keys
          secret:
            secretName: {{ include "slipway.keys" $root }}
            defaultMode: 0440
            items:
              {{- range . }}
              - { key: {{ . }}, path: {{ . }} }
              {{- end }}
        {{- end }}
        {{- if and $root.Values.registry.caSecret $asksRegistry }}
        - name: registry-ca
          secret:
            secretName: {{ $root.Values.registry.caSecret }}
            items: [{ key: ca.crt, path: ca.crt }]
        {{- end }}
        {{- if and $root.Values.uploads.existingClaim (has $part (list "api" "builder")) }}
        - name: uploads
          persistentVolumeClaim: { claimName: {{ $root.Values.uploads.existingClaim }} }
        {{- end }}
        {{- with .volumes }}{{ toYaml . | nindent 8 }}{{ end }}
{{- end -}}

{{/* A rootless engine beside a builder, as docker:dind-rootless begins one: in namespaces of user 1000's own. */}}
{{- define "slipway.engine" -}}
{{- $own := .Values.builder.engine.sidecar -}}
- name: engine
  image: {{ $own.image }}
  # Begun before the builder and ended after it, whose builds may end so.
  restartPolicy: Always
  args:
    - dockerd
    - --host=unix:///run/engine/docker.sock
    # Of the pod's groups the engine's namespace knows its own alone: it is 0 there and 1000 outside, and the builder is one of it.
    - --group=0
    # Below the volume, whose own mode and owner are not the engine's to set.
    - --data-root=/var/lib/engine/docker
    {{- range $own.insecureRegistries }}
    - --insecure-registry={{ . }}
    {{- end }}
  env:
    - { name: DOCKERD_ROOTLESS_ROOTLESSKIT_NET, value: slirp4netns }
    {{- if .Values.registry.caSecret }}
    # Beside the usual authorities, which Go reads from a file.
    - { name: SSL_CERT_DIR, value: /run/slipway/registry }
    {{- end }}
  startupProbe:
    exec: { command: [test, -S, /run/engine/docker.sock] }
    periodSeconds: 1
    failureThreshold: 120
  securityContext: { privileged: true, runAsUser: 1000, runAsGroup: 1000 }
  resources: {{- toYaml $own.resources | nindent 4 }}
  volumeMounts:
    - { name: engine, mountPath: /run/engine }
    - { name: engine-data, mountPath: /var/lib/engine }
    {{- if .Values.registry.caSecret }}
    - { name: registry-ca, mountPath: /run/slipway/registry, readOnly: true }
    {{- end }}
{{- end -}}

{{- define "slipway.engineVolumes" -}}
- { name: engine, emptyDir: {} }
- name: engine-data
  emptyDir: { sizeLimit: {{ .Values.builder.engine.sidecar.size }} }
{{- end -}}

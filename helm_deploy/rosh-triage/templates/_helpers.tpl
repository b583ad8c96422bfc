{{- define "rosh-triage.labels" -}}
app: {{ .Chart.Name }}
release: {{ .Release.Name }}
{{- end -}}

{{- define "rosh-triage.image" -}}
{{ .Values.image.repository }}:{{ required "Set image.tag to the build to deploy" .Values.image.tag }}
{{- end -}}

{{- define "rosh-triage.envs" -}}
{{- range $name, $value := .env }}
{{- if $value }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- range $secret, $variables := .secrets }}
{{- range $name, $key := $variables }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret }}
      key: {{ $key }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "rosh-triage.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 2000
runAsGroup: 2000
fsGroup: 2000
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "rosh-triage.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop:
    - ALL
{{- end -}}

{{- define "rosh-triage.volumeMounts" -}}
- name: data
  mountPath: /data
- name: tmp
  mountPath: /tmp
{{- end -}}

{{- define "rosh-triage.volumes" -}}
- name: data
{{- if .Values.env.ROSH_OBJECTS }}
  # A working copy: what counts is in S3.
  emptyDir: {}
{{- else }}
  persistentVolumeClaim:
    claimName: {{ .Values.data.claimName }}
{{- end }}
- name: tmp
  emptyDir: {}
{{- end -}}

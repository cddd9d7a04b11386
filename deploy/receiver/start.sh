#!/bin/sh
# Starts Orthanc as a DICOM destination that accepts objects from listed AE titles only, and passes them to `anonymizer
# sort`.
# ANONYMIZER_SENDERS lists these titles (ECLIPSE=PROSTATE, MONACO=LUNG), RECEIVER_AET is its own.
set -eu
umask 077
folder=${RECEIVER_FOLDER:-/data}
aet=${RECEIVER_AET:-RTANON}
wrong() { echo "receiver: $*" >&2; exit 1; }
title() { printf '%s\n' "$1" | grep -Eqx '[A-Za-z0-9._-]([A-Za-z0-9 ._-]{0,14}[A-Za-z0-9._-])?'; }
trim() { printf '%s' "$1" | sed 's/^ *//; s/ *$//'; }

title "$aet" || wrong "RECEIVER_AET is not an AE title"
password=$(cat "${RECEIVER_PASSWORD_FILE:?}")
printf '%s\n' "$password" | grep -Eqx '[A-Za-z0-9_=-]{16,}' || wrong "the password must be 16 letters and digits or more"
modalities=
rest=${ANONYMIZER_SENDERS:-},
while [ -n "$rest" ]; do
    each=$(trim "${rest%%,*}")
    rest=${rest#*,}
    if [ -z "$each" ]; then continue; fi
    sender=$(trim "${each%%=*}")
    title "$sender" || wrong "ANONYMIZER_SENDERS contains an invalid AE title"
    modalities="$modalities${modalities:+, }\"$sender\": {\"AET\": \"$sender\", \"Host\": \"0.0.0.0\", \"Port\": 104,
        \"AllowEcho\": true, \"AllowStore\": true, \"AllowFind\": false, \"AllowGet\": false, \"AllowMove\": false,
        \"AllowFindWorklist\": false, \"AllowNAction\": false, \"AllowNEventReport\": false}"
done
[ -n "$modalities" ] || wrong "ANONYMIZER_SENDERS lists no sender"

settings=$(mktemp -d)/orthanc.json
cat >"$settings" <<END
{
    "Name": "receiver", "StorageDirectory": "$folder/objects", "IndexDirectory": "$folder/objects",
    "DicomAet": "$aet", "DicomPort": ${RECEIVER_DICOM_PORT:-11112}, "HttpPort": ${RECEIVER_HTTP_PORT:-8042},
    "DicomCheckCalledAet": true, "StrictAetComparison": true, "DicomCheckModalityHost": false,
    "DicomAlwaysAllowEcho": false, "DicomAlwaysAllowStore": false, "DicomAlwaysAllowFind": false,
    "DicomAlwaysAllowFindWorklist": false, "DicomAlwaysAllowGet": false, "DicomAlwaysAllowMove": false,
    "DicomModalities": {$modalities},
    "DicomScpTimeout": 60, "UnknownSopClassAccepted": true, "OverwriteInstances": true, "SyncStorageArea": true,
    "StoreMD5ForAttachments": true, "StorageCompression": false, "MaximumStorageSize": 0, "MaximumPatientCount": 0,
    "RemoteAccessAllowed": true, "AuthenticationEnabled": true, "RegisteredUsers": {"sort": "$password"},
    "ExecuteLuaEnabled": false, "RestApiWriteToFileSystemEnabled": false, "SaveJobs": false, "LogExportedResources": false,
    "KeepAlive": true, "HttpCompressionEnabled": false, "Plugins": []
}
END
PATH=$PATH:/usr/sbin
exec Orthanc "$settings"

#!/bin/sh
# Kafka ACLs for streamseg's processes: the least that each needs. For the default consumer group, `streamseg`.
#   deploy/kafka/acls.sh HOST:PORT [--command-config admin.properties]
# Users: streamseg-worker (the trainer among them: it is a role of one worker), streamseg-api, streamseg-console, streamseg-webhooks, and
# streamseg-tools for the commands of a person. Producers of events need Write on the input topics, as the API has it.
# Read and Write include Describe. Nobody may delete: `streamseg demo --remove` does not work with these rights.
set -eu
server=$1
shift
options="$*"

allow() {
    user=$1
    shift
    # shellcheck disable=SC2086  # options are words
    kafka-acls.sh --bootstrap-server "$server" $options --add --allow-principal "User:streamseg-$user" "$@"
}

for topic in clicks purchases profiles consents erasures; do
    allow worker --topic "streamseg.$topic" --operation Read
    allow api --topic "streamseg.$topic" --operation Write
done
allow worker --topic streamseg.clicks --operation Write # probes, which show that events get through
allow worker --group streamseg --operation Read
allow worker --group streamseg-reader --operation Describe # librdkafka asks for it; nothing is committed
for topic in memberships samples; do # a new owner reads the changes of the last one; the trainer reads the samples
    allow worker --topic "streamseg.$topic" --operation Read --operation Write
done
for topic in membership-history dead-letters models; do
    allow worker --topic "streamseg.$topic" --operation Write
done

allow console --topic streamseg. --resource-pattern-type prefixed --operation Read # how far the workers are, and timelines
allow console --topic streamseg.erasures --operation Write
for topic in clicks purchases; do # events that editors send for a try
    allow console --topic "streamseg.$topic" --operation Write
done
allow console --group streamseg --operation Describe
allow console --group streamseg-reader --operation Describe

allow webhooks --topic streamseg.memberships --operation Read
allow webhooks --group streamseg-webhooks --operation Read

allow tools --topic streamseg. --resource-pattern-type prefixed \
    --operation Create --operation DescribeConfigs --operation Read --operation Write
allow tools --group streamseg --operation Describe
allow tools --group streamseg-reader --operation Describe
allow tools --transactional-id streamseg-redrive --operation Write --operation Describe

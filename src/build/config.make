# nginx compiles C and C++ with the same flags: the ones for C++ are set object by object. A -std= of
# C's is none of them; and what another compiler warns of must not stop the build.

set -f
webhook_flags=
for webhook_flag in $CFLAGS; do
    case $webhook_flag in
        -std=* | -Werror) ;;
        *) webhook_flags="$webhook_flags $webhook_flag" ;;
    esac
done
set +f

for webhook_source in $webhook_sources; do
    webhook_directory=`dirname $webhook_source`
    webhook_object="$NGX_OBJS/addon/`basename $webhook_directory`/`basename $webhook_source .cpp`.o"
    echo "$webhook_object: CFLAGS =$webhook_flags -std=c++20 -fvisibility=hidden $WEBHOOK_CXXFLAGS" >> $NGX_MAKEFILE
done

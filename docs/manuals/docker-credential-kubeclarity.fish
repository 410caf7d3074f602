# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_docker_credential_kubeclarity_global_optspecs
    string join \n v/version h/help
end

function __fish_docker_credential_kubeclarity_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_docker_credential_kubeclarity_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_docker_credential_kubeclarity_using_subcommand
    set -l cmd (__fish_docker_credential_kubeclarity_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_needs_command" -s v -l version -d 'Print the version'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_needs_command" -s h -l help -d 'Print help'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_needs_command" -f -a "explain" -d 'Show where the credential for an image or registry comes from, or why there is none'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_needs_command" -f -a "configure" -d 'Add this helper to docker\'s config.json, or to podman\'s auth.json'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_needs_command" -f -a "install" -d 'Copy this program and a config.json into a directory, for a volume that a scanner shares'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_needs_command" -f -a "get" -d 'Read a registry from stdin, print its credential as JSON'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_needs_command" -f -a "store" -d 'Read a credential as JSON from stdin, and keep it in the cluster'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_needs_command" -f -a "erase" -d 'Read a registry from stdin, and erase its credential from the cluster'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_needs_command" -f -a "list" -d 'Print the registries that get would answer, with their user names'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_needs_command" -f -a "version" -d 'Print the version'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_using_subcommand explain" -l json -d 'print JSON (docs/explain.md says what is in it)'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_using_subcommand explain" -l fresh -d 'ask anew, past the cache'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_using_subcommand explain" -s h -l help -d 'Print help'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_using_subcommand configure" -l all -d 'use it for all registries (credsStore)'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_using_subcommand configure" -l remove -d 'take it out again, for the named registries or everywhere'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_using_subcommand configure" -l dry-run -d 'show what would change, and change nothing'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_using_subcommand configure" -l force -d 'take the place of another helper'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_using_subcommand configure" -l podman -d 'write auth.json of podman, skopeo and buildah'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_using_subcommand configure" -l print -d 'print a new configuration for a ConfigMap, and change nothing'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_using_subcommand configure" -s h -l help -d 'Print help'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_using_subcommand install" -l force -d 'take the place of another helper in the config.json that is there'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_using_subcommand install" -s h -l help -d 'Print help'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_using_subcommand get" -s h -l help -d 'Print help'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_using_subcommand store" -s h -l help -d 'Print help'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_using_subcommand erase" -s h -l help -d 'Print help'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_using_subcommand list" -s h -l help -d 'Print help'
complete -c docker-credential-kubeclarity -n "__fish_docker_credential_kubeclarity_using_subcommand version" -s h -l help -d 'Print help'

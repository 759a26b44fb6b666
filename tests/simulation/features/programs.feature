Feature: Programs
  `run` with `shell`, `script` or `container` runs a program where the Action service is, once that allows it. The
  task waits for its end, and its output is what `return` names.

  Scenario Outline: A program is asked for with everything evaluated, and its output is that of the task
    Given the action "<action>" answers "done\n"
    And the workflow "program":
      """
      do:
        - program: {run: <program>}
      """
    When "program" is started with: {n: 2, code: '1'}
    Then the action "<action>" was called with: <asked>
    And the execution has completed with: "done\n"

    Examples:
      | action        | program                                                                                | asked                                                                                                        |
      | run.shell     | {shell: {command: ls, arguments: ['${ .n }'], stdin: '${ .code }'}}                    | {command: ls, arguments: [2], stdin: '1', return: stdout, await: true}                                       |
      | run.script    | {script: {language: js, code: '${ .code }', environment: {N: '${ .n }'}}}              | {language: js, code: '1', environment: {N: 2}, return: stdout, await: true}                                  |
      | run.container | {container: {image: busybox, name: one, lifetime: {cleanup: eventually, after: PT1M}}} | {image: busybox, name: one, lifetime: {cleanup: eventually, afterUs: 60000000}, return: stdout, await: true} |

  Scenario: What `return` names is asked for, and comes as it is
    Given the action "run.shell" answers {code: 3, stdout: '', stderr: no}
    And the workflow "program":
      """
      do:
        - program: {run: {shell: {command: ls}, return: all}}
        - look: {set: '${ .code }'}
      """
    When "program" is started
    Then the action "run.shell" was called with: {command: ls, return: all, await: true}
    And the execution has completed with: 3

  Scenario: A program that is not waited for gives the task's own input
    Given the action "run.shell" answers null
    And the workflow "program":
      """
      do:
        - program: {run: {shell: {command: ls}, await: false}}
      """
    When "program" is started with: {n: 1}
    Then the action "run.shell" was called with: {command: ls, return: stdout, await: false}
    And the execution has completed with: {n: 1}

  Scenario Outline: An error of a program is one of the task, waited for or not
    Given the action "run.shell" fails with status 500
    And the workflow "program":
      """
      do:
        - guard:
            try:
              - program: {run: {shell: {command: ls}, await: <await>}}
            catch:
              do:
                - note: {set: {status: '${ $error.status }', at: '${ $error.instance }'}}
      """
    When "program" is started
    Then the execution has completed with: {status: 500, at: /do/0/guard/try/0/program}

    Examples:
      | await |
      | true  |
      | false |

  Scenario: A program that takes too long is stopped
    Given the action "run.script" never answers
    And the workflow "program":
      """
      do:
        - program:
            run: {script: {language: python, code: 'while True: pass'}}
            timeout: {after: {seconds: 10}}
      """
    When "program" is started
    And 10 seconds pass
    Then the execution has faulted with status 408 at "/do/0/program"
    And the call of "run.script" was cancelled
